// The frame of one page: its title as the heading and in the window.
import { Content, PageSection } from '@patternfly/react-core';
import { useEffect, type ReactNode } from 'react';
import { useI18n } from '../i18n';

export function PageFrame({ title, children, extra }: { title: string; children: ReactNode; extra?: ReactNode }) {
  const { t } = useI18n();
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`;
  }, [title, t]);
  return (
    <>
      <PageSection>
        <div className="yd-head">
          <Content component="h1">{title}</Content>
          {extra}
        </div>
      </PageSection>
      <PageSection isFilled>{children}</PageSection>
    </>
  );
}
