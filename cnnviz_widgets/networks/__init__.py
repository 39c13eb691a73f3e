"""Networks, their layers, and where they come from."""

from cnnviz_widgets.networks.given import as_network
from cnnviz_widgets.networks.layers import Layer
from cnnviz_widgets.networks.mini import mini_history
from cnnviz_widgets.networks.network import Network, Prediction
from cnnviz_widgets.networks.zoo import load_network

__all__ = ["Layer", "Network", "Prediction", "as_network", "load_network", "mini_history"]
