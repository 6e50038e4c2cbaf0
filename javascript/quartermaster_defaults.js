// The settings that the catalogue gives an ecosystem, and the button that puts them into txt2img.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const APPLIED = { sampler: 'sampling', steps: 'steps', cfg: 'cfg_scale', width: 'width', height: 'height' };
    const NAMES = {
        checkpointVersionId: 'Checkpoint',
        vaeVersionId: 'VAE',
        sampler: 'Sampler',
        steps: 'Steps',
        cfg: 'CFG scale',
        width: 'Width',
        height: 'Height',
    };
    const STATUS = { here: ['good', 'here'], elsewhere: ['info', 'elsewhere'], nowhere: ['warn', 'nobody has it'] };

    function draw(node, defaults, checkpoint) {
        const { el, button, empty } = qm.dom;
        const settings = defaults?.settings || [];
        node.classList.add('qm-card');
        if (!settings.length) {
            node.replaceChildren(
                el('h3', { text: 'Defaults' }),
                empty('None known', 'The catalogue has no defaults for this checkpoint.'),
            );
            return;
        }
        const rows = settings.flatMap((one) => [
            el('dt', { text: NAMES[one.key] || one.key }),
            el(
                'dd',
                {},
                el('span', {
                    text: String(one.title || one.value),
                    title: one.title ? `version ${one.value}` : one.from,
                }),
                where(one),
            ),
        ]);
        const useful = settings.filter((one) => APPLIED[one.key]);
        const apply = button('Use in txt2img', () => use(useful), {
            class: 'qm-button qm-primary',
            disabled: !useful.length,
        });
        node.replaceChildren(
            el('h3', {
                text: checkpoint
                    ? `Defaults for ${checkpoint.ecosystem || checkpoint.base_model || checkpoint.name}`
                    : 'Defaults',
            }),
            el('dl', { class: 'qm-facts' }, rows),
            el('div', { class: 'qm-actions' }, apply),
        );
    }

    function where(one) {
        const { pill } = qm.dom;
        if (!STATUS[one.status]) return null;
        const [kind, text] = STATUS[one.status];
        return pill(kind, one.status === 'elsewhere' && one.where?.length ? one.where.join(', ') : text, one.from);
    }

    /** Put the settings into the web UI's own inputs, and say which it did not take. */
    async function use(settings) {
        const refused = [];
        for (const one of settings) {
            const place = window.gradioApp().querySelector(`#txt2img_${APPLIED[one.key]}`);
            const taken =
                place && (one.key === 'sampler' ? await choose(place, String(one.value)) : slide(place, one.value));
            if (!taken) refused.push(NAMES[one.key]);
        }
        qm.dom.say(
            refused.length
                ? `Not taken by this web UI: ${refused.join(', ')}.`
                : 'Sampler, steps, CFG scale and size are set in txt2img.',
            refused.length ? 'bad' : 'good',
        );
    }

    const send = (node, ...names) => names.forEach((name) => node.dispatchEvent(new Event(name, { bubbles: true })));

    /** Set a slider through its number field, as a person typing into it would; gradio listens to both events. */
    function slide(place, value) {
        const field = place.querySelector('input[type=number]');
        if (!field) return false;
        field.value = value;
        send(field, 'input', 'change', 'blur');
        return Number(field.value) === Number(value);
    }

    const frame = () =>
        new Promise((done) => {
            requestAnimationFrame(() => setTimeout(done, 30));
        });
    const same = (a, b) => a.trim().toLowerCase() === b.trim().toLowerCase();

    /** Choose in a radio group or in gradio's drop-down, which takes a choice only from its opened list. */
    async function choose(place, value) {
        const radio = [...place.querySelectorAll('input[type=radio]')].find((one) => same(one.value, value));
        if (radio) {
            radio.click();
            return true;
        }
        const field = place.querySelector('input');
        if (!field) return false;
        if (same(field.value, value)) return true;
        field.focus();
        send(field, 'focus');
        for (let tries = 0; tries < 20; tries += 1) {
            await frame();
            const option = [...place.querySelectorAll('ul.options li, [role=option]')].find(
                (one) =>
                    same(one.getAttribute('aria-label') || one.dataset.value || one.textContent, value) ||
                    same(one.textContent.replace('✓', ''), value),
            );
            if (!option) continue;
            option.dispatchEvent(new MouseEvent('mousedown', { bubbles: true, cancelable: true }));
            await frame();
            break;
        }
        field.blur();
        await frame();
        return same(field.value, value);
    }

    qm.defaults = { draw, use };
})();
