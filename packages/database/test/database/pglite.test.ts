import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import { lockFolder } from '@rabble/folder-lock'
import { privateFolder, shortLived } from '@rabble/harness'
import t, { type Test } from 'tap'
import { openPglite } from '../../src/index.ts'

/** Folder of a database that several tests use, since each new one costs seconds. */
const folder = join(privateFolder(t, 'pglite'), 'deep', 'down')

/**
 * Starts another process that opens the folder and has a row in it, or prints why it can't. `largest`: maximum size (blocks) of a
 * file that it may write.
 */
async function openElsewhere(t: Test, largest = 'unlimited') {
  const module = new URL('../../src/index.js', import.meta.url)
  const script = `
    import { openPglite } from ${JSON.stringify(module.href)}
    try {
      const database = await openPglite(${JSON.stringify(folder)})
      await database.query('create table if not exists kept (n int)')
      await database.query('insert into kept values (1)')
      console.log('open')
      setInterval(() => {}, 1000)
    } catch (error) { console.log(error.message) }`
  const limited = `ulimit -f ${largest} && exec "$0" ${shortLived.join(' ')} --input-type=module -e "$1"`
  const child = spawn('/bin/sh', ['-c', limited, process.execPath, script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  return { child, line: String(line) }
}

t.test(
  'a folder is made, even after a start that found no room, is for one process until that ends, in whatever way, and keeps what is in it',
  async (t) => {
    const cramped = await openElsewhere(t, '100')
    t.match(cramped.line, new RegExp(`^the database in ${folder} can't be opened: `))
    await once(cramped.child, 'exit')
    const first = await openElsewhere(t)
    t.equal(first.line, 'open')
    const modeOf = (path: string) => statSync(path).mode & 0o777
    t.equal(modeOf(folder), 0o700, 'it is for its owner only')
    t.equal(modeOf(join(folder, '..')), 0o777 & ~process.umask(), 'and what it is in, for others too')
    await t.rejects(openPglite(folder), { message: `${folder} is in use by process ${first.child.pid}` })
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    t.ok(existsSync(join(folder, 'rabble.lock')), 'a killed process leaves its lock')

    const database = await openPglite(folder)
    t.same(await database.query('select n from kept'), [{ n: 1 }], 'and its data')
    await database.query('insert into kept values (2)')
    await t.rejects(openPglite(folder), /in use by this process/)
    const third = await openElsewhere(t)
    t.equal(third.line, `${folder} is in use by process ${process.pid}`)
    await database.close()
    t.same(readdirSync(folder), ['pglite'], 'the lock is gone')
  },
)

t.test('a copy that is made while rows are written has all rows up to one of them', async (t) => {
  const database = await openPglite(folder)
  t.teardown(() => database.close())
  t.same(await database.query('select n from kept order by n'), [{ n: 1 }, { n: 2 }], 'what was kept before')
  await database.query('create table written (n int)')
  const copies = privateFolder(t, 'copies')
  const copy = join(copies, 'copy')
  mkdirSync(copy)
  const copyTo = async (path: string) => database.copyTo?.(path)
  let copied = false
  const copying = copyTo(join(copy, 'pglite')).then(() => {
    copied = true
  })
  let last = 0
  while (!copied) {
    last++
    await database.query('insert into written values ($1)', [last])
    // PGlite answers without a turn of the event loop, which the copy needs.
    await turn()
  }
  await copying
  t.ok(last > 1, `${last} rows were written meanwhile`)
  await t.rejects(copyTo(join(copy, 'pglite')), { code: 'ERR_FS_CP_EEXIST' })

  const opened = await openPglite(copy)
  t.teardown(() => opened.close())
  const [row] = await opened.query<{ count: number; max: number | null }>(
    'select count(*), max(n) from written',
    [],
  )
  t.equal(row?.count, row?.max ?? 0, `it has the first ${row?.count}`)
  t.ok((row?.count ?? 0) >= last - 1, 'statements wait while its files are copied')
  await opened.query('insert into written values (0)')
  await database.close()
  await t.rejects(copyTo(join(copies, 'late')), { message: 'the database is closed' })
})

t.test('a lock is stale if its process id is another process’s by now', async (t) => {
  const folder = privateFolder(t, 'pglite')
  // As after the restart of a container, whose process ids start from 1 again.
  for (const pid of [process.pid, process.ppid]) {
    writeFileSync(join(folder, 'rabble.lock'), `${pid} 12345\n`)
    const lock = lockFolder(folder)
    t.match(readFileSync(join(folder, 'rabble.lock'), 'utf8'), new RegExp(`^${process.pid} `))
    lock.release()
    t.same(readdirSync(folder), [])
  }
})

t.test('a folder that can’t be used is named in the error', async (t) => {
  const folder = privateFolder(t, 'pglite')
  const file = join(folder, 'file')
  writeFileSync(file, '')
  await t.rejects(openPglite(file), {
    message: new RegExp(`^${file} must be a folder that can be written to`),
  })

  const broken = join(folder, 'broken')
  mkdirSync(join(broken, 'pglite'), { recursive: true })
  writeFileSync(join(broken, 'pglite', 'PG_VERSION'), '9\n')
  await t.rejects(openPglite(broken), { message: new RegExp(`^the database in ${broken} can't be opened`) })
  t.notOk(existsSync(join(broken, 'rabble.lock')), 'and is not kept locked')
})

t.test('a folder that cannot be written to is refused', async (t) => {
  // Root may write anywhere, so a mode would not stop it. Nobody can create files in /proc.
  const folder = '/proc/self'
  await t.rejects(openPglite(folder), {
    message: new RegExp(`^${folder} must be a folder that can be written to`),
  })
})
