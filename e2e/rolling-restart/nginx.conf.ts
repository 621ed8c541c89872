export interface NginxOptions {
  readonly port: number
  /** Where the servers are: `127.0.0.1:21234`. */
  readonly upstreams: readonly string[]
}

/**
 * nginx before several servers that are restarted one after the other. What matters:
 * - `proxy_http_version 1.1` and an empty `Connection`: else no connection to a server is kept.
 * - `max_fails=3 fail_timeout=1s`: a server that is away is left out for a second. With the usual
 *   1 and 10 s, one reset each takes both out, and everybody gets 502.
 * - `proxy_next_upstream` as it is: without `non_idempotent`. A request that may have done something
 *   never goes to another server; one whose connection was refused does.
 */
export function nginxConfiguration({ port, upstreams }: NginxOptions): string {
  const servers = upstreams.map((address) => `server ${address} max_fails=3 fail_timeout=1s;`)
  return `daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporaryFolders}
  keepalive_requests 1000000;
  upstream servers {
    zone servers 64k;
    ${servers.join('\n    ')}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`
}

/** Debian's are writable for root alone. */
const temporaryFolders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map((name) => `${name}_temp_path ${name};`)
  .join('\n  ')
