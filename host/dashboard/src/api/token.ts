// The token: in this tab's storage, or in the browser's if the user wants that. It never becomes part of a URL.

const KEY = "spacehost-token";

export function kept(): string | null {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
}

export function keep(token: string, beyondThisTab: boolean): void {
  forget();
  (beyondThisTab ? localStorage : sessionStorage).setItem(KEY, token);
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
}
