// A bot that answers messages that begin with "echo". It keeps its position in a file: after a crash it goes on where it was.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServerClient } from '@rabble/client/server'

const { RABBLE_URL = 'http://127.0.0.1:8080', RABBLE_TOKEN, POSITION = 'position.txt' } = process.env
const rabble = createServerClient({ url: RABBLE_URL, token: RABBLE_TOKEN })

function save(position) {
  // Renamed, since a crash may come in the middle of writing.
  writeFileSync(`${POSITION}.new`, position)
  renameSync(`${POSITION}.new`, POSITION)
}

if (!existsSync(POSITION)) save(await rabble.position())
const after = readFileSync(POSITION, 'utf8')
process.stdout.write('reading\n')
const onRetry = (error) => process.stderr.write(`not connected: ${error.message}\n`)
for await (const { event, position } of rabble.events({ after, onRetry })) {
  if (event.type === 'message' && event.text.startsWith('echo ')) {
    // Two answers with one cid are one, so a crash before the position is saved does no harm.
    const answer = { cid: `echo-${event.id}`, replyTo: event.id }
    await rabble.publish(event.room, event.text.slice(5), answer).catch((error) => {
      // Started again, it answers later. Where it is muted, it never will.
      if (error.retry) throw error
      process.stderr.write(`no answer to ${event.id}: ${error.message}\n`)
    })
  }
  save(position)
}
