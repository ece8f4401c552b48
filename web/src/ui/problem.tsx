// An error in the person's language: what it means, what it is about, and the server's own words.
import { Alert } from '@patternfly/react-core';
import { useEffect, useRef } from 'react';
import { ApiError } from '../api/client';
import { useI18n, type I18n, type Key } from '../i18n';
import { en } from '../i18n/en';
import { SheetError } from '../sheet/error';

/** The headline for an error's code. */
export function headline(i18n: I18n, error: unknown): string {
  if (!(error instanceof ApiError)) return i18n.t('error.title');
  const key = `error.code.${error.problem.code}`;
  return key in en ? i18n.t(key as Key) : i18n.t('error.title');
}

export function details(i18n: I18n, error: unknown): string {
  if (error instanceof SheetError) return i18n.t(`sheet.${error.key}`, error.params);
  if (!(error instanceof ApiError)) return typeof error === 'string' ? i18n.said(error) : String(error);
  const { field, detail, advice } = error.problem;
  const text = field ? i18n.t('error.field', { field: i18n.member(field), detail: i18n.saidOf(field, detail) }) : i18n.said(detail);
  return advice ? `${text} ${i18n.said(advice)}` : text;
}

export function ProblemAlert({ error }: { error: unknown }) {
  const i18n = useI18n();
  const place = useRef<HTMLDivElement>(null);
  // A long form may have scrolled it out of sight.
  useEffect(() => {
    place.current?.scrollIntoView?.({ block: 'nearest' }); // newer browsers return a promise: no clean-up for an effect
  }, [error]);
  if (!error) return null;
  const request = error instanceof ApiError ? error.problem.request_id : undefined;
  return (
    <div ref={place} className="yd-problem">
      <Alert component="p" variant="danger" isInline title={headline(i18n, error)} data-testid="problem">
        <p>{details(i18n, error)}</p>
        {request && <small>{i18n.t('error.request', { id: request })}</small>}
      </Alert>
    </div>
  );
}
