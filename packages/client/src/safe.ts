import type { Call } from './types.ts'

/** `[data]` or `[, error]`. */
export type SafeResult<Output, Failed> =
  | readonly [data: Output, error: undefined]
  | readonly [data: undefined, error: Failed]

/**
 * Awaits a call without throwing. The error is narrowed to what the procedure declares:
 *
 * ```ts
 * const [item, error] = await safe(client.items.update.mutate(change))
 * if (error?.reason === 'VERSION_CONFLICT') console.log(error.data.currentVersion)
 * ```
 */
export async function safe<Output, Failed>(
  call: Call<Output, Failed>,
): Promise<SafeResult<Output, Failed>> {
  try {
    return [await call, undefined]
  } catch (error) {
    // The client rejects with nothing else; the procedure's declaration is the type's source.
    // oxlint-disable-next-line typescript/consistent-type-assertions -- rejections have no type
    return [undefined, error as Failed]
  }
}
