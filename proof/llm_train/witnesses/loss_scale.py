"""The loss scale by torch.amp.GradScaler."""

import torch


class TorchWitness:
    """torch.amp.GradScaler, which finds the overflow by itself."""

    @staticmethod
    def loss_scale(
        scale: float, good_steps: int, found_inf: bool, growth: float, backoff: float, interval: int
    ) -> tuple[float, int]:
        scaler = torch.amp.GradScaler(
            "cpu", init_scale=scale, growth_factor=growth, backoff_factor=backoff, growth_interval=interval
        )
        scaler.load_state_dict(scaler.state_dict() | {"_growth_tracker": good_steps})
        weight = torch.nn.Parameter(torch.ones(1))
        scaler.scale(torch.zeros(1))  # the first loss makes the scale a tensor
        weight.grad = torch.full((1,), float("inf") if found_inf else 1.0)
        scaler.step(torch.optim.SGD([weight], lr=0.1))
        scaler.update()
        state = scaler.state_dict()
        return float(state["scale"]), int(state["_growth_tracker"])
