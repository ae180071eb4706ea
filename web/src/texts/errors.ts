import type { ChatErrorCode } from '@rabble/client'

/**
 * Texts for the codes of errors, each from the English message of the server or of the SDK, which says more than the code. English needs
 * none of them.
 */
export type ErrorTexts = Readonly<Record<ChatErrorCode, (message: string) => string>>
