import '@patternfly/react-core/dist/styles/base.css';
import './main.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router-dom';
import { SessionProvider, askEarly } from './data/session';
import { I18nProvider } from './i18n';
import { App, loadEarly } from './shell/app';
import { Boundary } from './shell/boundary';
import { applyTheme } from './shell/theme';
import { ToastProvider } from './ui/toasts';

applyTheme();
askEarly();
loadEarly(window.location.pathname);
const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <I18nProvider>
        <Boundary>
          <BrowserRouter future={{ v7_startTransition: false, v7_relativeSplatPath: true }}>
            <ToastProvider>
              <SessionProvider>
                <App />
              </SessionProvider>
            </ToastProvider>
          </BrowserRouter>
        </Boundary>
      </I18nProvider>
    </StrictMode>,
  );
