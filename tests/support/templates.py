"""Chat templates with the habits of real ones: strict, deaf, with thoughts, with tools."""

TURN = "<|start|>{{ m.role }}\n{{ m.content }}<|end|>\n"
ASK = "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
STRICT = (
    "{% for m in messages %}{% if m.role not in ('user', 'assistant') or "
    "(m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('in turn, please') }}"
    "{% endif %}" + TURN + "{% endfor %}" + ASK
)
"""Takes user and assistant in turn, nothing else."""
DEAF = "{% for m in messages if m.role in ('user', 'assistant') %}" + TURN + "{% endfor %}" + ASK
"""Leaves out every other turn, without a word."""
OPENING = (
    "{% for m in messages %}<|start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "{{ m.content.split('</think>') | last }}{% else %}{{ m.content }}{% endif %}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n<think>\n{% endif %}"
)
"""Opens a block of thoughts in the prompt, and drops the thoughts of past answers."""
DUAL = (
    "{% for m in messages %}<|start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "{% set parts = m.content.split('</think>') %}{% if loop.last %}<think>\n"
    "{{ (parts[0].split('<think>') | last if parts | length > 1 else '') | trim }}\n</think>\n\n"
    "{% endif %}{{ parts | last | trim }}{% else %}{{ m.content }}{% endif %}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n"
    "{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Writes an empty block where no thoughts are wanted, and one before every last answer."""
KNOWING = (
    "{% if tools %}<|start|>tools\n{{ tools | tojson }}<|end|>\n{% endif %}"
    "{% for m in messages %}<|start|>{{ m.role }}\n"
    "{% if m.reasoning_content and loop.last %}<think>\n{{ m.reasoning_content }}\n</think>\n\n"
    "{% endif %}{{ m.content }}{% for call in m.tool_calls or [] %}"
    "[{{ call.function.name }}({{ call.function.arguments | tojson }})]{% endfor %}<|end|>\n"
    "{% endfor %}" + ASK
)
"""Shows everything."""
