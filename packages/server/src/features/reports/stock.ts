/** What a report is about: one entry of each for every item. */
export interface Stock {
  readonly prices: BigInt64Array
  readonly quantities: Int32Array
}

/** Collects stock, 12 bytes an item, in memory that another thread can read too. */
export interface StockCollector {
  readonly size: number
  add(price: bigint, quantity: number): void
  stock(): Stock
}

/** Room for so many at first; it doubles. */
const FIRST = 1_024

const room = (items: number) => ({
  prices: new BigInt64Array(new SharedArrayBuffer(items * 8)),
  quantities: new Int32Array(new SharedArrayBuffer(items * 4)),
})

export function createStockCollector(): StockCollector {
  let { prices, quantities } = room(FIRST)
  let size = 0

  function grow(): void {
    const more = room(size * 2)
    more.prices.set(prices)
    more.quantities.set(quantities)
    ;({ prices, quantities } = more)
  }

  return {
    get size() {
      return size
    },
    add(price, quantity) {
      if (size === prices.length) grow()
      prices[size] = price
      quantities[size] = quantity
      size++
    },
    stock: () => ({ prices: prices.subarray(0, size), quantities: quantities.subarray(0, size) }),
  }
}
