import { z } from 'zod'

/**
 * An address and nothing beside it: no name, no second address, no line break. As browsers take one;
 * what cannot be written in ASCII is not taken.
 */
export const Address = z.email().max(254)

/** The part behind the @. */
export const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1)
