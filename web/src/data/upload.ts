// Sends a large file with its progress; fetch cannot tell it, XMLHttpRequest can.
import { ApiError, csrfToken, type Problem } from '../api/client';

/** Gives back the upload's token. */
export function upload(file: File, onPercent: (percent: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', '/api/v1/uploads');
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('X-CSRF-Token', csrfToken());
    request.responseType = 'json';
    request.upload.onprogress = (event) => onPercent(event.lengthComputable ? (100 * event.loaded) / event.total : 0);
    request.onerror = () => reject(new ApiError({ status: 0, code: 'offline', detail: 'The upload broke off.' }));
    request.onload = () => {
      if (request.status < 300) resolve((request.response as { upload: string }).upload);
      else reject(new ApiError({ detail: '', code: 'unavailable', ...(request.response as Problem | null), status: request.status }));
    };
    request.send(file);
  });
}
