/** Part of tap's `t` that the harness uses. Teardowns run in reverse order. */
export interface TestContext {
  readonly name: string
  teardown(work: () => unknown): unknown
  comment(message: string): unknown
  passing(): boolean
}
