import { createRequire, register } from 'node:module'
import t from 'tap'

// Tap brings React 18. The tests of this package, which has React 19, take it from there in this process.
const tap = import.meta.resolve('tap')
const hooks = `export const resolve = (name, context, next) =>
  next(name, /^react(-dom)?($|\\/)/.test(name) ? { ...context, parentURL: '${tap}' } : context)`
t.match(createRequire(tap)('react').version, /^18\./)
register(`data:text/javascript,${encodeURIComponent(hooks)}`)
await import('./dom.ts')
t.match((await import('react')).version, /^18\./)
t.match((await import('react-dom')).version, /^18\./)

const files = ['around', 'conversations', 'messages', 'people', 'privacy', 'provider', 'receipts', 'room']
for (const file of files) {
  await import(new URL(`${file}.test.js`, import.meta.url).href)
}
