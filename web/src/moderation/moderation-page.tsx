import type { JSX } from 'preact'
import { PageHead } from '../shell/page-head.tsx'
import { isModerator } from '../state/roles.ts'
import { hashOf, type ModerationPart } from '../state/route.ts'
import { t } from '../texts/texts.ts'
import { Audit } from './audit.tsx'
import { Reports } from './reports.tsx'
import { Restrictions } from './restrictions.tsx'

const parts = ['reports', 'restrictions', 'audit'] as const

/** Page for moderators: the reports of users, what is in force, and what was done. */
export function ModerationPage({ part }: { part: ModerationPart }): JSX.Element {
  return (
    <section class="page">
      <PageHead title={t.moderation.moderation} />
      <div class="page-body">
        {isModerator.value ? (
          <>
            <nav class="tools" aria-label={t.moderation.moderation}>
              {parts.map((name) => (
                <a
                  key={name}
                  class="tab"
                  href={hashOf({ view: 'moderation', part: name })}
                  aria-current={name === part ? 'page' : undefined}
                >
                  {t.moderation[name]}
                </a>
              ))}
            </nav>
            {part === 'reports' && <Reports />}
            {part === 'restrictions' && <Restrictions />}
            {part === 'audit' && <Audit />}
          </>
        ) : (
          <p class="notice">{t.moderation.onlyModerators}</p>
        )}
      </div>
    </section>
  )
}
