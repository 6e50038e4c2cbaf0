// The JSON routes of the extension, relative to the page so that a sub-path or a proxy changes nothing.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});

    /** What a route answered instead of success; `code` is the answer's own (`unreachable` where there was none). */
    class RouteError extends Error {
        constructor(message, code, status) {
            super(message);
            this.code = code;
            this.status = status;
        }
    }

    const address = (path, query) => {
        const url = new URL(`quartermaster/${path}`, document.baseURI);
        for (const [name, value] of Object.entries(query || {})) {
            if (value !== null && value !== undefined) url.searchParams.set(name, value);
        }
        return url;
    };

    async function call(url, options) {
        let answer;
        try {
            answer = await fetch(url, { credentials: 'same-origin', ...options });
        } catch (error) {
            if (error.name === 'AbortError') throw error;
            throw new RouteError('The web UI does not answer. Is it restarting?', 'unreachable', 0);
        }
        let body = null;
        try {
            body = await answer.json();
        } catch (error) {
            if (error.name === 'AbortError') throw error;
        }
        if (answer.ok && body && body.success !== false) return body;
        const missing = answer.status === 404 && !body?.error ? "Quartermaster's agent is starting…" : null;
        const login = answer.status === 401 ? 'Please log in to the web UI again.' : null;
        throw new RouteError(
            body?.message || missing || login || `The web UI answered with an error (${answer.status}).`,
            body?.error || 'error',
            answer.status,
        );
    }

    const get = (path, query, signal) => call(address(path, query), { signal });
    const post = (path, body = {}, signal = undefined) =>
        call(address(path), {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify(body),
            signal,
        });
    const postImage = (file) =>
        call(address('check'), { method: 'POST', headers: { 'Content-Type': file.type || 'image/png' }, body: file });

    /** A route that is asked again and again, of which only the last question counts. */
    function latest(ask) {
        let running = null;
        return async (...given) => {
            running?.abort();
            const mine = (running = new AbortController());
            try {
                const answer = await ask(mine.signal, ...given);
                return mine === running ? answer : null;
            } catch (error) {
                if (error.name === 'AbortError' || mine !== running) return null;
                throw error;
            }
        };
    }

    qm.routes = { get, post, postImage, address, latest, RouteError };
})();
