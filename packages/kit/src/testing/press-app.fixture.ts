import { defineApp } from '../app-definition.ts'

/** A backend whose migrations make what a stranger may have. */
export const app = defineApp({
  name: 'press',
  version: '0.0.0',
  features: {},
  identity: async () => null,
  migrations: new URL('./press.fixture/', import.meta.url),
})
