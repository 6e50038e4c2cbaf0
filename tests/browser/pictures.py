"""A drawn picture, for cards and previews of which there is no photograph."""

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 96"><rect width="64" height="96" fill="hsl({h} 40% 38%)"/>'
    '<circle cx="42" cy="30" r="30" fill="hsl({k} 60% 60%)" opacity=".8"/>'
    '<path d="M0 96 24 52l16 24 10-14 14 34" fill="#1b2230" opacity=".7"/></svg>'
)
