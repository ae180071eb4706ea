import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { type Cluster, until } from '@rabble/harness'
import { WebSocket } from 'ws'

interface Visit {
  gateway: string
  cookie: string
}

interface Answer {
  status: number
  body: string
  /** Cookie that the response sets, without attributes. */
  cookie: string
}

/** Returns ways to ask the Nginx of a cluster, and to see which services answered. */
export function nginxRequests(cluster: Cluster) {
  let visitors = 0

  /** Says hello. Returns the gateway that answered, and the cookie for the next visit. */
  async function visit(cookie = ''): Promise<Visit> {
    const socket = new WebSocket(`${cluster.url.replace('http', 'ws')}/ws`, {
      headers: cookie === '' ? {} : { cookie },
    })
    try {
      return await new Promise<Visit>((resolve, reject) => {
        let fresh = ''
        socket.once('upgrade', ({ headers }) => {
          fresh = (headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]).join('; ')
        })
        socket.once('error', reject)
        socket.once('close', (code, reason) => reject(new Error(`closed with ${code} ${reason}`)))
        socket.once('open', () =>
          socket.send(JSON.stringify({ type: 'hello', name: `visitor ${++visitors}` })),
        )
        socket.on('message', (data) => {
          const frame = JSON.parse(String(data)) as { type: string; gateway?: string; message?: string }
          if (frame.type === 'welcome') resolve({ gateway: frame.gateway ?? '', cookie: cookie || fresh })
          else reject(new Error(`${frame.type}: ${frame.message}`))
        })
      })
    } finally {
      socket.close()
    }
  }

  /** Sends a request unchanged. `fetch` would normalise it. */
  function ask(path: string, headers: Record<string, string> = {}, method = 'GET', body = '') {
    return new Promise<Answer>((resolve, reject) => {
      const outgoing = request(`${cluster.url}/`, { path, headers, method }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part) => {
          text += part
        })
        const cookie = response.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? ''
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, cookie }))
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  }

  /** Number of lines of the access log that `answeredBy` has read. */
  let linesRead = 0

  /** Waits for `times` responses to each path, and returns the ports of the services that gave them. */
  async function answeredBy(paths: readonly string[], times: number): Promise<Set<number>[]> {
    const fresh = () => readFileSync(cluster.nginx.accessLog, 'utf8').split('\n').slice(linesRead, -1)
    const isOne = (line: string) => paths.includes((JSON.parse(line) as { path: string }).path)
    await until(() => fresh().filter(isOne).length >= paths.length * times, 60_000, 'all lines of the log')
    const lines = fresh()
    linesRead += lines.length
    const ports = new Map<string, Set<number>>(paths.map((path) => [path, new Set()]))
    for (const line of lines) {
      const { path, upstream } = JSON.parse(line) as { path: string; upstream: string }
      // If nginx tried several servers, the last one answered.
      ports.get(path)?.add(Number(upstream.split(':').at(-1)))
    }
    return [...ports.values()]
  }

  return { visit, ask, answeredBy }
}
