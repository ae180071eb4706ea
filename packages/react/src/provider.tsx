import { type AnyMeta, type Chat, type ConnectOptions, connect } from '@rabble/client'
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'
import { createLease } from './lease.ts'

const ChatContext = createContext<Chat | undefined>(undefined)

export type ChatProviderProps<Meta = AnyMeta> = { children?: ReactNode } & (
  | {
      /** Chat of the application, which also closes it. */
      chat: Chat<Meta>
    }
  | {
      /**
       * Options of a chat that the provider connects when it is mounted and closes when it is unmounted. Later options have no
       * effect: another `key`, such as the user's id, makes the provider connect anew.
       */
      options: ConnectOptions
      /** Content until there is a chat, such as on a server that renders the page. Default: none. */
      fallback?: ReactNode
    }
)

/** Gives a chat to the hooks of all components in it. */
export function ChatProvider<Meta = AnyMeta>(props: ChatProviderProps<Meta>): ReactNode {
  if (!('chat' in props)) return <OwnChat {...props} />
  return <ChatContext.Provider value={props.chat as Chat}>{props.children}</ChatContext.Provider>
}

interface OwnChatProps {
  options: ConnectOptions
  fallback?: ReactNode
  children?: ReactNode
}

/** Connects after the first render: React may drop a render without a word, and the connection would stay open. */
function OwnChat({ options, fallback, children }: OwnChatProps): ReactNode {
  const [lease] = useState(() =>
    createLease(
      () => connect(options),
      (chat) => chat.close(),
    ),
  )
  const [chat, setChat] = useState<Chat>()
  useEffect(() => {
    const { thing, release } = lease.take()
    setChat(thing)
    return release
  }, [lease])
  return chat === undefined ? fallback : <ChatContext.Provider value={chat}>{children}</ChatContext.Provider>
}

/** Returns the chat of the nearest provider. @throws Error without a provider */
export function useChat<Meta = AnyMeta>(): Chat<Meta> {
  const chat = useContext(ChatContext)
  if (chat === undefined) throw new Error('this component is in no ChatProvider')
  return chat as Chat<Meta>
}
