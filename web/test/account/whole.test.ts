import t from 'tap'
import { messagesIn } from '../../src/account/whole.ts'

t.test('only an export with its last line is whole', async (t) => {
  const end = '{"type":"end","conversations":1,"messages":12,"reactions":1,"reports":0}'
  t.equal(messagesIn(`"text":"cut off"}\n{"type":"reaction"}\n${end}\n`), 12)
  t.equal(messagesIn(end), 12)
  for (const cut of [
    '',
    '\n',
    '{"type":"message","messages":1}\n',
    end.slice(0, -1),
    `${end}\n{"type":"end"`,
  ])
    t.equal(messagesIn(cut), undefined, cut)
})
