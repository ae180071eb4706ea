import { readFileSync } from 'node:fs'

/** Length of a text, in characters, each of which is one byte. */
const length = 200

/** Sentences of the docs, without tables, code and marks. Constant texts would compress better than those of people. */
const prose = ['architecture', 'operations', 'deployment', 'migration', 'client']
  .map((page) => readFileSync(new URL(`../../../../docs/${page}.md`, import.meta.url), 'latin1'))
  .join('\n')
  .split('\n')
  .filter((line) => /^[A-Za-z(-]/.test(line))
  .join(' ')
  .replace(/[^ -~]|[`*[\]"\\]|\(\S+\)/g, '')
let at = 0

/** Returns the next piece of the prose. */
export function nextText(): string {
  at = at + 2 * length > prose.length ? 0 : at + length
  return prose.slice(at, at + length)
}
