// Catches what a page throws while it is drawn, says so, and offers to load again.
import { Button, EmptyState, EmptyStateBody } from '@patternfly/react-core';
import { Component, type ReactNode } from 'react';
import { useI18n } from '../i18n';

function Crashed({ error }: { error: Error }) {
  const { t } = useI18n();
  return (
    <EmptyState titleText={t('error.title')} headingLevel="h1" status="danger">
      <EmptyStateBody>
        <p>{t('app.crashed')}</p>
        <small>{error.message}</small>
      </EmptyStateBody>
      <Button onClick={() => window.location.reload()}>{t('app.reload')}</Button>
    </EmptyState>
  );
}

export class Boundary extends Component<{ children: ReactNode }, { error: Error | undefined }> {
  override state: { error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    return this.state.error ? <Crashed error={this.state.error} /> : this.props.children;
  }
}
