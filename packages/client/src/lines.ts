import { ChatError } from './errors.ts'
import type { ResponseLike } from './options.ts'

/** Reads the lines of a response while it arrives. @throws ChatError `disconnected` if it breaks off */
export async function* readLines(response: ResponseLike): AsyncGenerator<string, void, undefined> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    while (reader !== undefined) {
      const { done, value } = await reader.read()
      if (done) break
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    throw new ChatError('disconnected', String(error))
  }
  // Each line has an end.
  if (reader === undefined || rest !== '') throw new ChatError('disconnected', 'the answer has no end')
}
