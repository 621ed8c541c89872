/**
 * What a process of ours needs of the machine, and nothing of ours: servers refuse settings that they do
 * not know. What one has compiled the next one finds, which makes half of a start.
 */
export const nodeEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
}
