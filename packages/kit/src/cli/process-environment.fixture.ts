/** What a process needs of the machine. What it has compiled the next one finds, which is half of a start. */
export const processEnvironment = () => {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, NODE_COMPILE_CACHE }
}
