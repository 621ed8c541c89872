export {
  startTestServer,
  type TestCaller,
  type TestServer,
  type TestServerOptions,
} from './start-test-server.ts'
