/** How long a browser remembers to come by TLS only: one year, in seconds. */
const HSTS_SECONDS = 31_536_000

/**
 * Headers of every answer. They are strict because nothing here is a page that a browser shows: no
 * sniffing, no framing, no scripts, no referrer, no use by another origin's `<img>` or `<script>`,
 * and no copy in any cache. A route that serves a page sets its own in their place.
 *
 * `hsts` adds `strict-transport-security` for this host. Only who runs the TLS in front of us can
 * say that it is there to stay.
 */
export function securityHeaders({ hsts }: { readonly hsts: boolean }): Record<string, string> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...(hsts && { 'strict-transport-security': `max-age=${HSTS_SECONDS}` }),
  }
}
