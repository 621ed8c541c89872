import { expect, test } from 'vitest'

import { openExport, startPartsServer } from '../exports/parts-server.fixture.ts'
import { httpConfig } from './http-config.fixture.ts'

test('an export is not for a host that is not ours', async () => {
  await using strict = await startPartsServer({
    config: { http: httpConfig({ hosts: ['api.example.com'] }) },
  })
  const response = await openExport(`${strict.url}/exports/none`)
  expect(response.statusCode).toBe(421)
  response.resume()
})

const APP = 'https://app.example.com'

test('a page of another origin reads an export, and the name of its file, if that origin is listed', async () => {
  const http = httpConfig({ corsOrigins: [APP], corsCredentials: true })
  await using open = await startPartsServer({ config: { http } })
  const asked = async (origin: string) => {
    const response = await openExport(`${open.url}/exports/none`, { headers: { origin } })
    response.resume()
    return response.headers
  }
  const headers = await asked(APP)
  expect(headers).toMatchObject({
    'access-control-allow-origin': APP,
    'access-control-allow-credentials': 'true',
    'cross-origin-resource-policy': 'cross-origin',
    vary: 'origin, accept-encoding',
  })
  expect(headers['access-control-expose-headers']).toContain('Content-Disposition')
  const strange = await asked('https://evil.example')
  expect(strange['access-control-allow-origin']).toBeUndefined()
  expect(strange['cross-origin-resource-policy']).toBe('same-origin')
})
