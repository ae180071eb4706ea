import type { Socket } from 'node:net'
import type { TestGateway } from './build.ts'

/** Watches how many bytes wait for each client, at most. */
export function watchUnsent({ server }: TestGateway): { look(): void; readonly most: number } {
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket))
  let most = 0
  return {
    look() {
      most = Math.max(most, ...sockets.map(({ writableLength }) => writableLength))
    },
    get most() {
      return most
    },
  }
}
