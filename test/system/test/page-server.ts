import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { freePort, type TestContext } from '@rabble/harness'

const types: Record<string, string> = {
  '': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

/** Serves pages by their paths, and the files of a folder. Returns the port. */
export async function servePages(
  t: TestContext,
  pages: Readonly<Record<string, string>>,
  folder?: string,
): Promise<number> {
  const server = createServer(async (request, response) => {
    const path = normalize((request.url ?? '/').split('?', 1)[0] ?? '/')
    const file = folder === undefined ? undefined : readFile(join(folder, path)).catch(() => undefined)
    const content = pages[path] ?? (await file)
    response.writeHead(content === undefined ? 404 : 200, {
      'content-type': types[extname(path)] ?? 'application/octet-stream',
    })
    response.end(content)
  })
  const port = await freePort()
  await new Promise<void>((listens) => server.listen(port, '127.0.0.1', listens))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  })
  return port
}
