import type { TestGateway } from '../build.ts'

export const deploys = { id: 'deploys', name: 'Deploys' }

export interface Answer {
  status: number
  retryAfter: string | null
  body: { id?: string; code?: string; message?: string; statusCode?: number }
}

export type Post = (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>

/** Returns a function that posts with a token of the role `service`, unless the headers say otherwise. */
export async function asProgram({ http, tokens }: TestGateway, user = deploys): Promise<Post> {
  const authorization = `Bearer ${await tokens.sign(user, 600, ['service'])}`
  return async (path, body, headers = {}) => {
    const response = await fetch(`${http}/api/${path}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const answer = (await response.json()) as Answer['body']
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body: answer }
  }
}
