"""Writes a .gguf model as a folder of Hugging Face's layout, in float32: what TRL and corella both read.

python base_folder.py <model.gguf> <folder>
"""

import os
import sys

from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

path, folder = sys.argv[1:]
where, name = os.path.split(os.path.abspath(path))
read = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype="float32")
# A model that was read so cannot be saved as it is; one of the same shape takes its weights.
plain = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(where, gguf_file=name))
plain.load_state_dict(read.state_dict())
plain.save_pretrained(folder)
AutoTokenizer.from_pretrained(where, gguf_file=name).save_pretrained(folder)
