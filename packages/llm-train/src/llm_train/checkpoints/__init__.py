"""Checkpoints that survive a crash at any moment, and hold no pickle.

    checkpoints/step-00001000/
        model.safetensors        the weights, float32, under the names of the Hugging Face layout
        config.json, generation_config.json, tokenizer.json …     so the folder *is* a model: llm-generate loads it
        optimizer.safetensors    the state of the optimizer, and of whatever else an update depends on
        state.json               recipe, tokenizer, versions, seconds so far
        manifest.json            size and SHA-256 of every file, and of itself; written last

Everything is written into a temporary folder, synced to the disk, and renamed. A rename happens whole or not at all, so
a reader finds either all of a checkpoint or none of it. Only then are old ones deleted. The newest is the one with the
highest step: a pointer to it would be one more file that can be wrong.
"""
