import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { privateFolder } from '@rabble/harness'
import t from 'tap'
import { parse } from 'yaml'
import { repository } from './repository.ts'

const script = join(repository, 'monitoring/render-alertmanager')

/** Renders the configuration with these variables, and files of secrets. */
function render(secrets: string, variables: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync(script, {
    env: { PATH: process.env.PATH, SECRETS: secrets, ...variables },
    encoding: 'utf8',
  })
  return { status, stderr, text: stdout, parsed: status === 0 ? parse(stdout) : undefined }
}

t.test(
  'Alertmanager sends to a webhook, by e-mail, or both, and no secret is in its configuration',
  async (t) => {
    const folder = privateFolder(t, 'secrets')
    const url = join(folder, 'alert_webhook_url')
    const password = join(folder, 'alert_smtp_password')
    const email = {
      ALERT_EMAIL_TO: '"Ops \\ night" <ops@chat.example>',
      ALERT_EMAIL_FROM: 'rabble@chat.example',
    }
    const smtp = { ...email, ALERT_SMTP: 'mail.example:587', ALERT_SMTP_USER: 'rabble' }
    t.match(render(folder, {}), { status: 1, stderr: /set ALERT_WEBHOOK_URL_FILE or ALERT_EMAIL_TO/ })
    // As the secrets of a swarm that are not needed.
    writeFileSync(url, ' ')
    writeFileSync(password, ' ')
    t.match(render(folder, {}), { status: 1, stderr: /set ALERT_WEBHOOK_URL_FILE or ALERT_EMAIL_TO/ })
    t.match(render(folder, { ALERT_EMAIL_TO: 'a@b' }), { status: 1, stderr: /needs ALERT_EMAIL_FROM/ })
    t.match(render(folder, email), { status: 1, stderr: /needs ALERT_SMTP, such as/ })
    t.match(render(folder, smtp), { status: 1, stderr: /needs ALERT_SMTP_PASSWORD_FILE/ })

    writeFileSync(password, 'of the mail server')
    const byMail = render(folder, smtp)
    const [operator] = byMail.parsed.receivers
    t.same(operator.email_configs, [
      {
        to: email.ALERT_EMAIL_TO,
        from: email.ALERT_EMAIL_FROM,
        smarthost: 'mail.example:587',
        send_resolved: true,
        auth_username: 'rabble',
        auth_password_file: password,
      },
    ])
    t.notOk('webhook_configs' in operator)
    t.equal(byMail.parsed.route.receiver, operator.name)

    writeFileSync(url, 'https://hooks.example/secret')
    const both = render(folder, smtp)
    t.same(both.parsed.receivers[0].webhook_configs, [{ url_file: url, send_resolved: true }])
    t.same(both.parsed.receivers[0].email_configs, operator.email_configs)
    t.notMatch(both.text, /hooks\.example|of the mail server/)
  },
)

for (const file of ['alertmanager.yml', 'stack.alertmanager.yml']) {
  t.test(`${file} gives Alertmanager each of its variables`, async (t) => {
    const names = [...new Set(readFileSync(script, 'utf8').match(/\bALERT_\w+/g))].sort()
    const { environment } = parse(readFileSync(join(repository, file), 'utf8')).services.alertmanager
    const read = names.filter((name) => !name.endsWith('_FILE'))
    t.ok(read.length >= 4)
    t.same(Object.keys(environment).sort(), read)
    for (const name of read) t.equal(environment[name], `\${${name}:-}`)
  })
}
