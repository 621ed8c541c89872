import { BlockList } from 'node:net'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { isGlobalUnicast, isInNetwork, parseAddress, parseNetwork } from './addresses.ts'

const isGlobal = (text: string) => {
  const address = parseAddress(text)
  return address !== undefined && isGlobalUnicast(address)
}

test.each([
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
  ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ['carrier-grade NAT', '100.64.0.1', '100.127.255.255', '100.100.100.200'],
  ['link-local and metadata', '169.254.169.254', 'fe80::1', 'febf::1', 'fd00:ec2::254'],
  ['metadata at a public address', '168.63.129.16'],
  ['unique local and site-local', 'fc00::1', 'fdff::1', 'fec0::1'],
  ['IPv4-mapped', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8'],
  ['IPv4-compatible', '::127.0.0.1', '::7f00:1', '::8.8.8.8'],
  ['IPv4-translated and NAT64', '::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::a00:1'],
  ['6to4', '2002:7f00:1::', '2002:a00:1::1', '192.88.99.1'],
  ['Teredo and protocol assignments', '2001::1', '2001:0:7f00:1::', '2001:20::1', '192.0.0.192'],
  ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  ['benchmarks', '198.18.0.1', '198.19.255.255', '2001:2::1'],
  ['multicast, reserved and broadcast', '224.0.0.1', '240.0.0.1', '255.255.255.255', 'ff02::1'],
  ['unassigned and segment routing', '4000::1', '5f00::1', '100::1', 'e000::1'],
  ['no address', '', 'localhost', '127.1', '0x7f.0.0.1', '1.2.3.4.5', '::1%lo', '[::1]', '1::2::3'],
])('%s is not of the public internet', (_, ...texts) => {
  expect(texts.filter(isGlobal)).toEqual([])
})

test('public addresses are', () => {
  const texts = ['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '192.0.1.1', '223.255.255.255']
  const ipv6 = ['2001:4860:4860::8888', '2606:4700::1111', '2a00:1450::1', '2003::1', '2001:200::1']
  expect([...texts, ...ipv6].filter((text) => !isGlobal(text))).toEqual([])
})

const ipv6 = fc.ipV6()

test('every spelling of an IPv6 address is the same number', () => {
  fc.assert(
    fc.property(ipv6, (text) => {
      const address = parseAddress(text)
      const shortest = new URL(`http://[${text}]`).hostname.slice(1, -1)
      const longest = address?.value.toString(16).padStart(32, '0').match(/.{4}/g)?.join(':') ?? ''
      expect(parseAddress(shortest)).toEqual(address)
      expect(parseAddress(longest.toUpperCase())).toEqual(address)
    }),
    { numRuns: 1_000 },
  )
})

test('a network holds what Node says that it holds', () => {
  const address = fc.oneof(
    fc.record({ text: fc.ipV4(), prefix: fc.integer({ min: 0, max: 32 }) }),
    fc.record({ text: ipv6, prefix: fc.integer({ min: 0, max: 128 }) }),
  )
  fc.assert(
    fc.property(address, fc.oneof(fc.ipV4(), ipv6), ({ text, prefix }, other) => {
      const network = parseNetwork(`${text}/${prefix}`)
      const [near, far] = [parseAddress(text), parseAddress(other)]
      if (!network || !near || !far) throw new Error('A generated address was not read.')
      const nodes = new BlockList()
      nodes.addSubnet(text, prefix, near.family === 4 ? 'ipv4' : 'ipv6')
      expect(isInNetwork(near, network)).toBe(true)
      // Node takes an IPv4-mapped address for IPv4, and the other way round.
      const isMapped = far.family === 6 && far.value >> 32n === 0xffffn
      fc.pre(near.family === far.family && !isMapped)
      const held = nodes.check(other, far.family === 4 ? 'ipv4' : 'ipv6')
      expect(isInNetwork(far, network)).toBe(held)
    }),
    { numRuns: 1_000 },
  )
})

test('a network with a prefix that its family has not got is none', () => {
  const texts = ['10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0', '/8', '10.0.0.0/-1', '::/8/8']
  expect(texts.filter((text) => parseNetwork(text))).toEqual([])
})
