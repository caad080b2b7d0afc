// Where the token is entered, once.

import { type FormEvent, useState } from "react";
import { ask, Problem } from "../api/client";
import { keep } from "../api/token";
import { Notice, Wrong } from "../ui/parts";
import { ThemeSwitch } from "../ui/theme";

export function SignIn({ locked, entered }: { locked: boolean; entered: () => void }) {
  const [token, setToken] = useState("");
  const [beyond, setBeyond] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const enter = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await ask("/v1/spaces", { token: token.trim() });
      keep(token.trim(), beyond);
      entered();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  };
  const wrong = error instanceof Problem && error.status === 401;
  return (
    <main className="sign-in">
      <form onSubmit={enter} className="card">
        <h1>Spacehost</h1>
        <p className="muted">
          at <span className="mono">{window.location.host}</span>
        </p>
        {locked && !error && <Notice tone="warn" title="The host no longer takes the token. Enter it again." />}
        <label className="field">
          <span>Token</span>
          <input
            type="password"
            name="token"
            value={token}
            onChange={(event) => setToken(event.target.value)}
            autoComplete="current-password"
            autoFocus
            required
            spellCheck={false}
            aria-invalid={wrong}
            aria-describedby="where"
          />
        </label>
        <div id="where" className="hint">
          <p>It lies in the file <code>token</code> of the host's data folder, which only its owner can read:</p>
          <pre className="json">cat spacehost-data/token</pre>
          <p>The line with which the host starts says where that is.</p>
        </div>
        <label className="check">
          <input type="checkbox" checked={beyond} onChange={(event) => setBeyond(event.target.checked)} />
          <span>Stay signed in on this device <small className="muted">else until this tab is closed</small></span>
        </label>
        {wrong ? (
          <Notice title="That is not this host's token.">
            <p className="muted">Each data folder has its own. Copy all of the file's one line.</p>
          </Notice>
        ) : (
          <Wrong error={error} />
        )}
        <div className="buttons">
          <ThemeSwitch />
          <button className="button primary" disabled={busy || token.trim() === ""}>Sign in</button>
        </div>
      </form>
    </main>
  );
}
