/** Whether this is a run of `make test-all`. */
const isLong = process.env.RABBLE_TEST_LONG === '1'

/** Returns `usual`, or `long` in a run of `make test-all`. */
export function inForm<Value>(usual: Value, long: Value): Value {
  return isLong ? long : usual
}
