import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort, privateFolder, until } from '@rabble/harness'
import t from 'tap'
import { repository } from './repository.ts'

t.test(
  'make look passes on what comes to a local port, in a container of the network of the page',
  async (t) => {
    const page = createServer((_request, response) => response.end('tasks of the nodes'))
    page.listen(0, '127.0.0.1')
    await once(page, 'listening')
    t.teardown(() => {
      page.closeAllConnections()
      page.close()
    })
    const { port: to } = page.address() as AddressInfo
    const port = await freePort()
    const bin = privateFolder(t, 'bin')
    // Runs the command of the container on this machine, where the page has another name and another port.
    writeFileSync(
      join(bin, 'docker'),
      `#!/bin/sh
    case "$1" in
    network) echo "$*" >>"$0.calls" ;;
    create)
      while [ "$1" != node ]; do echo "$1" >>"$0.calls"; shift; done
      printf '%s' "$3" >"$0.script"; echo "$4 $5" >>"$0.calls" ;;
    start) exec node -e "$(cat "$0.script")" 127.0.0.1 ${to} ${port} ;;
    esac
    `,
    )
    chmodSync(join(bin, 'docker'), 0o755)
    const env = { PATH: `${bin}:${process.env.PATH}`, REGISTRY: 'registry.example/', TAG: 'v1' }
    const look = spawn(join(repository, 'docker/look'), ['--stack', 'chat', '--port', String(port)], { env })
    const ended = once(look, 'exit')
    t.teardown(() => {
      look.kill()
      return ended
    })
    const [line] = await once(createInterface(look.stdout), 'line')
    t.match(line, `http://127.0.0.1:${port} (Ctrl-C ends it)`)
    let answer = ''
    const answers = async () => {
      answer = await (await fetch(`http://127.0.0.1:${port}`)).text()
      return true
    }
    await until(answers, 60_000, 'the page')
    t.equal(answer, 'tasks of the nodes')
    const calls = readFileSync(join(bin, 'docker.calls'), 'utf8')
    t.match(calls, `\n127.0.0.1:${port}:${port}\nregistry.example/rabble:v1\nvisualizer 8080\n`)
    t.match(calls, 'network connect chat_visualizer chat-look-visualizer\n')
  },
)
