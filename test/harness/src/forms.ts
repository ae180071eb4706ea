/** Set by `make test-all`. */
const isLong = process.env.RABBLE_TEST_LONG === '1'

/** What a test takes in its usual form, or in the long one, which `make test-all` asks for. */
export function inForm<Value>(usual: Value, long: Value): Value {
  return isLong ? long : usual
}
