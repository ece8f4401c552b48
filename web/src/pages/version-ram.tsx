// The RAM image of a version, from which fresh desktops start at once: makes, renews and removes it.
import { Button } from '@patternfly/react-core';
import { post } from '../api/client';
import type { Job, TemplateVersion } from '../data/types';
import { useI18n } from '../i18n';
import { useToasts } from '../ui/toasts';
import type { Acts } from '../ui/use-acts';

export function VersionRam({ version, acts }: { version: TemplateVersion; acts: Acts }) {
  const { t } = useI18n();
  const toasts = useToasts();
  const name = `${version.template_name ?? ''} ${version.number ?? ''}`;
  const make = async () => {
    try {
      void toasts.follow(await post<Job>(`/template-versions/${version.id}/ram`, {}), name);
    } catch (why) {
      toasts.failure(why);
    }
  };
  return (
    <>
      <Button variant="link" onClick={() => void make()}>
        {t('templates.ram')}
      </Button>
      {version.ram_image && (
        <Button
          variant="link"
          isDanger
          onClick={() => acts.askDelete({ path: `/template-versions/${version.id}/ram`, name, text: t('templates.ram-delete-text') })}
        >
          {t('templates.ram-delete')}
        </Button>
      )}
    </>
  );
}
