import { createInterface } from 'node:readline'
import { removeFolder } from './private-folder.ts'
import { isRunning, signalTree } from './process-tree.ts'
import type { Belonging, ReaperLine } from './reaper.ts'
import { until } from './until.ts'

// See reaper.ts: reads the belongings of the test process until that process ends, and then removes those that are left.

const belongings = new Map<string, Belonging>()
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as ReaperLine
  if ('add' in message) belongings.set(JSON.stringify(message.add), message.add)
  else belongings.delete(JSON.stringify(message.drop))
}

const left = [...belongings.values()]
const killed = left.flatMap((item) => ('pid' in item ? signalTree(item.pid, 'SIGKILL') : []))
await until(() => !killed.some(isRunning), 60_000, 'the killed processes to be gone').catch(() => {})
for (const item of left) if ('folder' in item) removeFolder(item.folder)
