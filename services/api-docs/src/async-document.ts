import type { Schema } from './schemas.ts'

export interface Reference {
  $ref: string
}

export interface Message {
  name: string
  title: string
  description: string
  contentType: string
  payload: Schema
  examples?: { payload: unknown }[]
  correlationId?: { description: string; location: string }
}

export interface Channel {
  address: string
  title: string
  description: string
  messages: Record<string, Message>
  bindings: object
  'x-close-codes'?: readonly { code: number; retry: boolean; meaning: string }[]
  'x-error-codes'?: readonly { code: string; retry: boolean; meaning: string }[]
}

export interface AsyncOperation {
  action: 'send' | 'receive'
  channel: Reference
  title: string
  summary: string
  messages: Reference[]
  reply?: { channel: Reference; messages: Reference[] }
}

export interface AsyncApi {
  asyncapi: string
  info: { title: string; version: string; description: string }
  defaultContentType: string
  servers: Record<string, object>
  channels: Record<string, Channel>
  operations: Record<string, AsyncOperation>
  components: { schemas: Record<string, Schema> }
}

export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
