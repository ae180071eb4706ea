import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Version of the layout of a backup's folder. */
const format = '1'

/** Content of the file `about` of a backup. Shell scripts read it as well, so it has one `name=value` in each line. */
export interface About {
  /** `data`: the files of DATA_DIR; `database`: a dump of PostgreSQL, which docker/backup makes. */
  of: string
  /** Time of the backup, RFC 3339. */
  at: string
  messages: number
}

export function writeAbout(folder: string, { of, at, messages }: About): void {
  const lines = [`format=${format}`, `of=${of}`, `at=${at}`, `messages=${messages}`]
  writeFileSync(join(folder, 'about'), `${lines.join('\n')}\n`, { mode: 0o600 })
}

/** @throws Error that names the folder if it is no backup, or one of a later version */
export function readAbout(folder: string): About {
  let text: string
  try {
    text = readFileSync(join(folder, 'about'), 'utf8')
  } catch (cause) {
    throw new Error(`${folder} is no backup: ${(cause as Error).message}`, { cause })
  }
  const values = new Map(text.split('\n').map((line) => line.split('=') as [string, string]))
  const found = values.get('format')
  if (found !== format) {
    throw new Error(`${folder} is a backup of format ${found}, and this version of Rabble knows ${format}`)
  }
  return {
    of: values.get('of') ?? '',
    at: values.get('at') ?? '',
    messages: Number(values.get('messages')),
  }
}
