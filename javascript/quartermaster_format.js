// Numbers and times as people read them.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

    function bytes(value) {
        let step = 0;
        while (value >= 1000 && step < UNITS.length - 1) {
            value /= 1000;
            step += 1;
        }
        return `${step && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[step]}`;
    }

    const count = (value) => Number(value || 0).toLocaleString('en-US');
    const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
    const date = (unixSeconds) =>
        new Date(unixSeconds * 1000).toLocaleDateString(undefined, { year: 'numeric', month: 'short', day: 'numeric' });

    function seconds(value) {
        if (value < 60) return `${Math.max(1, Math.round(value))} s`;
        if (value < 5400) return `${Math.round(value / 60)} min`;
        return `${(value / 3600).toFixed(1)} h`;
    }

    function ago(unixSeconds) {
        if (!unixSeconds) return 'never';
        const passed = Date.now() / 1000 - unixSeconds;
        return passed < 2 ? 'just now' : passed < 129600 ? `${seconds(passed)} ago` : date(unixSeconds);
    }

    qm.format = { bytes, count, plural, date, seconds, ago };
})();
