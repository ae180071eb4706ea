// For frameworks that render components on a server: these use hooks.
'use client'

export { type MessagesAround, useMessagesAround } from './around.ts'
export { type Connection, useConnection } from './connection.ts'
export { type ConversationActions, useConversations, useUnread } from './conversations.ts'
export { type Line, linesOf } from './lines.ts'
export { type Messages, useMessages } from './messages.ts'
export { type PresenceOfPeople, usePeople } from './people.ts'
export { type PrivacyView, usePrivacy } from './privacy.ts'
export { ChatProvider, type ChatProviderProps, useChat } from './provider.tsx'
export { type MessageReactions, type ReactionView, useReactions } from './reactions.ts'
export { type ReadPositions, useReceipts } from './receipts.ts'
export { type RoomView, useMembers, useRoom, useTyping } from './room.ts'
