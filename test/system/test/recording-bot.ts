import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServerClient } from '@rabble/client/server'

// Appends each event with the position after it to a file, in one write, and begins behind the last line of that file.
const [url = '', token = '', file = ''] = process.argv.slice(2)
const rabble = createServerClient({ url, token })
const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
const after = lines.at(-1)?.split(' ')[0]
for await (const { event, position, gap } of rabble.events({ from: 'first', after, buffer: 20 })) {
  appendFileSync(file, `${position} ${event.room} ${event.id} ${gap ?? 'complete'}\n`)
}
