import type { InitializeHook, LoadHook } from 'node:module'
import type { Bug } from './bugs.ts'

let bug: Bug

/** Called by Node in its thread for modules. */
export const initialize: InitializeHook<Bug> = (data) => {
  bug = data
}

/** Called by Node for each module. @throws Error if the file no longer has the code that the bug replaces */
export const load: LoadHook = async (url, context, next) => {
  const loaded = await next(url, context)
  if (!url.endsWith(bug.file)) return loaded
  const source = String(loaded.source)
  if (!source.includes(bug.from)) throw new Error(`${bug.file} has no ${bug.from}`)
  return { ...loaded, source: source.replace(bug.from, () => bug.to) }
}
