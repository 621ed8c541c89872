/** One user's account. */
export const userTag = (id: string) => `user:${id}`
