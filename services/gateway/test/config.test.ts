import { groundSettings, readSettings, SettingsError } from '@rabble/service'
import t from 'tap'
import { gatewayConfig, gatewaySettings } from '../src/index.ts'

t.test('a gateway does not start with frames into which an allowed text does not fit', async (t) => {
  const config = (env: Record<string, string>) =>
    gatewayConfig(readSettings(env, [...groundSettings, ...gatewaySettings]))
  t.match(config({}).limits, { frameBytes: 65_536, textCharacters: 4000 })
  const env = { RABBLE_TEXT_CHARACTERS: '10000' }
  t.throws(
    () => config(env),
    new SettingsError(
      'RABBLE_FRAME_BYTES must be at least 124096, so that every text of 10000 characters (RABBLE_TEXT_CHARACTERS) fits, but is 65536',
    ),
  )
  t.match(config({ ...env, RABBLE_FRAME_BYTES: '124096' }).limits, { frameBytes: 124_096 })
})
